-- insertUser
insert into "users" ("id", "email", "email_verified", "name", "locale", "roles", "status", "metadata", "created_at", "updated_at", "last_login_at") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- findUserById
select * from "users" where "id" = $1;

-- findUserForLogin
select "users".*, "passwords"."hash" as "hash" from "users" left join "passwords" on "passwords"."user_id" = "users"."id" where "users"."email" = $1;

-- findUserIdByEmail
select "id" from "users" where "email" = $1;

-- updateUser
update "users" set "last_login_at" = $1 where "id" = $2;
update "users" set "name" = $1, "locale" = $2, "metadata" = $3, "updated_at" = $4 where "id" = $5;

-- deleteUserRow
delete from "users" where "id" = $1;
