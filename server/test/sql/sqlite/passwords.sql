-- listHashFormats
select * from "hash_formats" order by "kind";

-- insertHashFormat
insert into "hash_formats" ("kind", "least", "most") values (?, ?, ?);

-- widenHashFormat
update "hash_formats" set "least" = ? where "kind" = ? and "least" > ?;
update "hash_formats" set "most" = ? where "kind" = ? and "most" < ?;

-- sampleHashes
select "hash" from "passwords" order by "user_id" limit ?;
select "hash" from "passwords" order by "user_id" desc limit ?;

-- findPasswordChange
select "changed_at" from "passwords" where "user_id" = ?;

-- findPasswordHash
select "hash" from "passwords" where "user_id" = ?;

-- insertPasswords
insert into "passwords" ("user_id", "hash", "changed_at") values (?, ?, ?);

-- findPasswordHashes
select "user_id", "hash" from "passwords" where "user_id" in (?, ?);

-- insertPassword
insert into "passwords" ("user_id", "hash", "changed_at") values (?, ?, ?);

-- replacePassword
update "passwords" set "hash" = ?, "changed_at" = ? where "user_id" = ? and "hash" = ?;
update "passwords" set "hash" = ? where "user_id" = ? and "hash" = ?;

-- setPassword
update "passwords" set "hash" = ?, "changed_at" = ? where "user_id" = ?;
insert into "passwords" ("user_id", "hash", "changed_at") values (?, ?, ?);

-- deletePassword
delete from "passwords" where "user_id" = ?;
