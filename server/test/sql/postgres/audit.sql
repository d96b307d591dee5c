-- insertLines
insert into "audit_lines" ("writer", "seq", "at", "event", "actor_kind", "actor_id", "subject_kind", "subject_id", "user_id", "reason", "request_id", "details", "actor_sealed", "user_sealed", "prev_hash", "hash") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- insertWriter
insert into "audit_writers" ("writer", "started_at", "covered_seq", "removed_in") values ($1, $2, $3, $4);

-- listPersons
select * from "audit_persons" where "user_id" in ($1, $2);

-- insertPersons
insert into "audit_persons" ("user_id", "secret", "erased_at") values ($1, $2, $3);

-- erasePersonRow
update "audit_persons" set "secret" = $1, "erased_at" = $2 where "user_id" = $3;
