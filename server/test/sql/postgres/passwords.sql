-- listHashFormats
select * from "hash_formats" order by "kind";

-- insertHashFormat
insert into "hash_formats" ("kind", "least", "most") values ($1, $2, $3);

-- widenHashFormat
update "hash_formats" set "least" = $1 where "kind" = $2 and "least" > $3;
update "hash_formats" set "most" = $1 where "kind" = $2 and "most" < $3;

-- sampleHashes
select "hash" from "passwords" order by "user_id" limit $1;
select "hash" from "passwords" order by "user_id" desc limit $1;

-- findPasswordChange
select "changed_at" from "passwords" where "user_id" = $1;

-- findPasswordHash
select "hash" from "passwords" where "user_id" = $1;

-- insertPasswords
insert into "passwords" ("user_id", "hash", "changed_at") values ($1, $2, $3);

-- findPasswordHashes
select "user_id", "hash" from "passwords" where "user_id" in ($1, $2);

-- insertPassword
insert into "passwords" ("user_id", "hash", "changed_at") values ($1, $2, $3);

-- replacePassword
update "passwords" set "hash" = $1, "changed_at" = $2 where "user_id" = $3 and "hash" = $4;
update "passwords" set "hash" = $1 where "user_id" = $2 and "hash" = $3;

-- setPassword
update "passwords" set "hash" = $1, "changed_at" = $2 where "user_id" = $3;
insert into "passwords" ("user_id", "hash", "changed_at") values ($1, $2, $3);

-- deletePassword
delete from "passwords" where "user_id" = $1;
