-- insertOneTimeToken
insert into "one_time_tokens" ("id", "hash", "purpose", "user_id", "email", "created_at", "expires_at", "used_at", "mailed") values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- findOneTimeTokenRow
select * from "one_time_tokens" where "hash" = ?;

-- markOneTimeTokenUsed
update "one_time_tokens" set "used_at" = ? where "id" = ? and "used_at" is null and "expires_at" > ?;

-- listGoodTokens
select * from "one_time_tokens" where "user_id" = ? and "used_at" is null and "expires_at" > ? order by "created_at" desc;

-- hasMailedToken
select "id" from "one_time_tokens" where "user_id" = ? and "purpose" in (?, ?) and "email" = ? and "mailed" = ? and "used_at" is null and "created_at" > ? and "expires_at" > ? limit ?;

-- listOneTimeTokensExpiredBefore
select "id", "expires_at" as "due_at" from "one_time_tokens" where "expires_at" < ? order by "expires_at", "id" limit ?;

-- deleteOneTimeTokenRows
delete from "one_time_tokens" where "id" in (?, ?);

-- deleteOneTimeTokensOfUser
delete from "one_time_tokens" where "user_id" = ?;
delete from "one_time_tokens" where "user_id" = ? and "purpose" in (?, ?);
delete from "one_time_tokens" where "user_id" = ? and "purpose" in (?, ?) and "mailed" = ?;
