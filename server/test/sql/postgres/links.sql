-- insertOneTimeToken
insert into "one_time_tokens" ("id", "hash", "purpose", "user_id", "email", "created_at", "expires_at", "used_at", "mailed") values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- findOneTimeTokenRow
select * from "one_time_tokens" where "hash" = $1;

-- markOneTimeTokenUsed
update "one_time_tokens" set "used_at" = $1 where "id" = $2 and "used_at" is null and "expires_at" > $3;

-- listGoodTokens
select * from "one_time_tokens" where "user_id" = $1 and "used_at" is null and "expires_at" > $2 order by "created_at" desc;

-- hasMailedToken
select "id" from "one_time_tokens" where "user_id" = $1 and "purpose" in ($2, $3) and "email" = $4 and "mailed" = $5 and "used_at" is null and "created_at" > $6 and "expires_at" > $7 limit $8;

-- listOneTimeTokensExpiredBefore
select "id", "expires_at" as "due_at" from "one_time_tokens" where "expires_at" < $1 order by "expires_at", "id" limit $2;

-- deleteOneTimeTokenRows
delete from "one_time_tokens" where "id" in ($1, $2);

-- deleteOneTimeTokensOfUser
delete from "one_time_tokens" where "user_id" = $1;
delete from "one_time_tokens" where "user_id" = $1 and "purpose" in ($2, $3);
delete from "one_time_tokens" where "user_id" = $1 and "purpose" in ($2, $3) and "mailed" = $4;
