-- insertMail
insert into "outbox" ("id", "recipient", "budget", "template", "locale", "sealed", "state", "claim", "attempts", "due_at", "expires_at", "created_at", "finished_at", "last_error") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- findMail
select * from "outbox" where "id" = $1;

-- listDueMail
select * from "outbox" where "state" = $1 and "due_at" <= $2 order by "due_at", "id" limit $3;

-- claimMail
update "outbox" set "claim" = $1, "due_at" = $2, "attempts" = "attempts" + $3 where "id" = $4 and "state" = $5 and "due_at" = $6;

-- settleMail
update "outbox" set "state" = $1, "sealed" = $2, "finished_at" = $3 where "id" = $4 and "claim" = $5 and "state" in ($6, $7);

-- moveMail
update "outbox" set "state" = $1 where "state" in ($2) and "recipient" != $3;
update "outbox" set "state" = $1, "sealed" = $2 where "state" in ($3, $4) and "recipient" != $5 and "id" = $6 and "created_at" < $7;

-- listMail
select * from "outbox" where "recipient" != $1 order by "id" desc limit $2;
select * from "outbox" where "recipient" != $1 and "state" = $2 order by "id" desc limit $3;

-- listMailTimes
select "created_at" from "outbox" where "recipient" in ($1, $2) and "budget" = $3 and "created_at" > $4 order by "created_at" desc limit $5;

-- measureOutbox
select "state", count(*) as "mails", min("created_at") as "oldest" from "outbox" where "state" in ($1, $2, $3) group by "state";

-- reviveMail
update "outbox" set "state" = $1, "due_at" = $2, "attempts" = $3, "finished_at" = $4 where "id" = $5 and "state" = $6;

-- listMailExpiredBefore
select "id", "expires_at" as "due_at" from "outbox" where "expires_at" < $1 order by "expires_at", "id" limit $2;

-- listMailTo
select * from "outbox" where "recipient" = $1 and "created_at" >= $2 order by "created_at" desc, "id" desc limit $3;

-- blankMailTo
update "outbox" set "state" = $1, "finished_at" = $2, "last_error" = $3 where "recipient" = $4 and "created_at" > $5 and "budget" is not null and "state" in ($6, $7);
update "outbox" set "recipient" = $1, "sealed" = $2 where "recipient" = $3 and "created_at" > $4 and "budget" is not null;

-- deleteMailTo
delete from "outbox" where "recipient" = $1;

-- deleteMailRows
delete from "outbox" where "id" in ($1, $2);
