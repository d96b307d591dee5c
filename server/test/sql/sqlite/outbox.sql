-- insertMail
insert into "outbox" ("id", "recipient", "budget", "template", "locale", "sealed", "state", "claim", "attempts", "due_at", "expires_at", "created_at", "finished_at", "last_error") values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- findMail
select * from "outbox" where "id" = ?;

-- listDueMail
select * from "outbox" where "state" = ? and "due_at" <= ? order by "due_at", "id" limit ?;

-- claimMail
update "outbox" set "claim" = ?, "due_at" = ?, "attempts" = "attempts" + ? where "id" = ? and "state" = ? and "due_at" = ?;

-- settleMail
update "outbox" set "state" = ?, "sealed" = ?, "finished_at" = ? where "id" = ? and "claim" = ? and "state" in (?, ?);

-- moveMail
update "outbox" set "state" = ? where "state" in (?) and "recipient" != ?;
update "outbox" set "state" = ?, "sealed" = ? where "state" in (?, ?) and "recipient" != ? and "id" = ? and "created_at" < ?;

-- listMail
select * from "outbox" where "recipient" != ? order by "id" desc limit ?;
select * from "outbox" where "recipient" != ? and "state" = ? order by "id" desc limit ?;

-- listMailTimes
select "created_at" from "outbox" where "recipient" in (?, ?) and "budget" = ? and "created_at" > ? order by "created_at" desc limit ?;

-- measureOutbox
select "state", count(*) as "mails", min("created_at") as "oldest" from "outbox" where "state" in (?, ?, ?) group by "state";

-- reviveMail
update "outbox" set "state" = ?, "due_at" = ?, "attempts" = ?, "finished_at" = ? where "id" = ? and "state" = ?;

-- listMailExpiredBefore
select "id", "expires_at" as "due_at" from "outbox" where "expires_at" < ? order by "expires_at", "id" limit ?;

-- listMailTo
select * from "outbox" where "recipient" = ? and "created_at" >= ? order by "created_at" desc, "id" desc limit ?;

-- blankMailTo
update "outbox" set "state" = ?, "finished_at" = ?, "last_error" = ? where "recipient" = ? and "created_at" > ? and "budget" is not null and "state" in (?, ?);
update "outbox" set "recipient" = ?, "sealed" = ? where "recipient" = ? and "created_at" > ? and "budget" is not null;

-- deleteMailTo
delete from "outbox" where "recipient" = ?;

-- deleteMailRows
delete from "outbox" where "id" in (?, ?);
