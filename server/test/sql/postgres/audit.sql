-- insertLines
insert into "audit_lines" ("writer", "seq", "at", "event", "actor_kind", "actor_id", "subject_kind", "subject_id", "user_id", "reason", "request_id", "details", "actor_sealed", "user_sealed", "prev_hash", "hash") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- insertWriter
insert into "audit_writers" ("writer", "started_at", "covered_seq", "removed_in") values ($1, $2, $3, $4);

-- listPersons
select * from "audit_persons" where "user_id" in ($1, $2);

-- insertPersons
insert into "audit_persons" ("user_id", "secret", "erased_at") values ($1, $2, $3);

-- listErasedPersons
select "user_id" from "audit_persons" where "secret" is null and "user_id" > $1 order by "user_id" limit $2;

-- listErasures
select * from "audit_lines" where "user_id" in ($1, $2) and "event" in ($3);

-- listErasedIn
select "user_id" from "audit_lines" where "event" in ($1) and "at" < $2 and "writer" in ($3, $4) and "user_id" is not null;

-- erasePersonRow
update "audit_persons" set "secret" = $1, "erased_at" = $2 where "user_id" = $3;

-- listLinesBehind
select * from "audit_lines" where ("writer" > $1 or ("writer" = $2 and "seq" > $3)) order by "writer", "seq" limit $4;

-- findHead
select "writer", "seq", "at", "hash" from "audit_lines" where "writer" = $1 order by "seq" desc limit $2;

-- findWriter
select * from "audit_writers" where "writer" = $1;

-- listWriters
select * from "audit_writers" where "writer" > $1 order by "writer" limit $2;

-- listGrownWriters
select * from "audit_writers" where "writer" > $1 and "covered_seq" < (select max("seq") as "seq" from "audit_lines" where "audit_lines"."writer" = "audit_writers"."writer") order by "writer" limit $2;

-- coverLines
update "audit_writers" set "covered_seq" = $1 where "writer" = $2 and "covered_seq" < $3;

-- findLastCheckpoint
select * from "audit_checkpoints" order by "number" desc limit $1;

-- insertCheckpoint
insert into "audit_checkpoints" ("number", "at", "key_id", "body", "hash", "signature") values ($1, $2, $3, $4, $5, $6);

-- listCheckpointSigners
select "key_id", min("number") as "first" from "audit_checkpoints" group by "key_id";

-- listCheckpointsBehind
select * from "audit_checkpoints" where "number" > $1 order by "number" limit $2;

-- listCheckpointsBelow
select * from "audit_checkpoints" where "number" < $1 order by "number" desc limit $2;

-- listWritersBefore
select * from "audit_writers" where "started_at" < $1 and "removed_in" is null order by "started_at", "writer" limit $2;

-- setRemovedIn
update "audit_writers" set "removed_in" = $1 where "writer" in ($2, $3);

-- listWritersToRemove
select * from "audit_writers" where "removed_in" is not null order by "removed_in", "writer" limit $1;

-- listSeqs
select "seq" from "audit_lines" where "writer" = $1 order by "seq" limit $2;

-- deleteLinesUpTo
delete from "audit_lines" where "writer" = $1 and "seq" <= $2;

-- deleteWriter
delete from "audit_writers" where "writer" = $1;

-- deleteCheckpointsBelow
select "number" from "audit_checkpoints" where "number" < $1 order by "number" limit $2;

-- deleteErasedPersons
select "user_id" from "audit_persons" where "erased_at" < $1 order by "erased_at" limit $2;

-- listLines
select * from "audit_lines" order by "at" desc, "writer" desc, "seq" desc limit $1;
select * from "audit_lines" where "user_id" = $1 and "event" = $2 and "at" <= $3 and ("at" < $4 or "writer" < $5 or ("writer" = $6 and "seq" < $7)) order by "at" desc, "writer" desc, "seq" desc limit $8;
select * from "audit_lines" where "actor_id" = $1 and "subject_id" = $2 and "at" >= $3 and "at" < $4 order by "at" asc, "writer" asc, "seq" asc limit $5;
select * from "audit_lines" where "at" >= $1 and ("at" > $2 or "writer" > $3 or ("writer" = $4 and "seq" > $5)) order by "at" asc, "writer" asc, "seq" asc limit $6;
