-- insertLines
insert into "audit_lines" ("writer", "seq", "at", "event", "actor_kind", "actor_id", "subject_kind", "subject_id", "user_id", "reason", "request_id", "details", "actor_sealed", "user_sealed", "prev_hash", "hash") values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insertWriter
insert into "audit_writers" ("writer", "started_at", "covered_seq", "removed_in") values (?, ?, ?, ?);

-- listPersons
select * from "audit_persons" where "user_id" in (?, ?);

-- insertPersons
insert into "audit_persons" ("user_id", "secret", "erased_at") values (?, ?, ?);

-- erasePersonRow
update "audit_persons" set "secret" = ?, "erased_at" = ? where "user_id" = ?;
