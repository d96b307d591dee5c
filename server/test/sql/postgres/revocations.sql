-- insertRevocations
insert into "revocations" ("id", "kind", "subject", "before_at", "until_at", "reason", "revoked_at") values ($1, $2, $3, $4, $5, $6, $7);

-- listRevocations
select * from "revocations" where "revoked_at" >= $1 and "until_at" > $2;
