-- insertRevocations
insert into "revocations" ("id", "kind", "subject", "before_at", "until_at", "reason", "revoked_at") values (?, ?, ?, ?, ?, ?, ?);

-- listRevocations
select * from "revocations" where "revoked_at" >= ? and "until_at" > ?;
