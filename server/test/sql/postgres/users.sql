-- insertUser
insert into "users" ("id", "email", "email_verified", "name", "locale", "roles", "status", "metadata", "created_at", "updated_at", "last_login_at", "deletion_due_at", "unconfirmed_since", "roles_id") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- insertUsers
insert into "users" ("id", "email", "email_verified", "name", "locale", "roles", "status", "metadata", "created_at", "updated_at", "last_login_at", "deletion_due_at", "unconfirmed_since", "roles_id") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28);
insert into "user_roles" ("user_id", "role") values ($1, $2), ($3, $4);
insert into "user_words" ("user_id", "word") values ($1, $2);

-- listUsersKnownBy
select "id", "email", "email_verified", "status", "unconfirmed_since", "updated_at" from "users" where "email" in ($1, $2, $3, $4, $5, $6, $7, $8);
select "id", "email", "email_verified", "status", "unconfirmed_since", "updated_at" from "users" where "id" in ($1, $2, $3, $4, $5, $6, $7, $8);

-- listUserRowsAfter
select * from "users" where "id" > $1 order by "id" limit $2;

-- listUsersToDelete
select "id", "deletion_due_at" as "due_at" from "users" where "deletion_due_at" <= $1 and "deletion_due_at" >= $2 and ("deletion_due_at" > $3 or "id" > $4) order by "deletion_due_at", "id" limit $5;
select "id", "deletion_due_at" as "due_at" from "users" where "deletion_due_at" <= $1 and "deletion_due_at" >= $2 and ("deletion_due_at" > $3 or "id" > $4) order by "deletion_due_at", "id" limit $5;

-- listUnconfirmedUsers
select "id", "unconfirmed_since" as "due_at" from "users" where "unconfirmed_since" <= $1 and "unconfirmed_since" >= $2 and ("unconfirmed_since" > $3 or "id" > $4) order by "unconfirmed_since", "id" limit $5;

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

-- insertUserRoles
insert into "user_roles" ("user_id", "role") values ($1, $2), ($3, $4);

-- deleteUserRoles
delete from "user_roles" where "user_id" = $1;

-- insertUserWords
insert into "user_words" ("user_id", "word") values ($1, $2), ($3, $4);

-- deleteUserWords
delete from "user_words" where "user_id" = $1;

-- takeUserRow
update "users" set "status" = "status" where "id" = $1;

-- turnLatch
update "latches" set "turn" = "turn" + $1 where "name" = $2;

-- hasOtherActiveUserWithRole
select "users"."id" from "user_roles" inner join "users" on "users"."id" = "user_roles"."user_id" where "user_roles"."role" = $1 and "user_roles"."user_id" != $2 and "users"."status" = $3 and "users"."deletion_due_at" is null limit $4;

-- countUsersWithRole
select "user_id" from "user_roles" where "role" = $1 order by "user_id" limit $2;

-- listIdsByWord
select "id" from "users" where "email" >= $1 and "email" < $2 order by "email" limit $3;
select "user_id" as "id" from "user_words" where "word" >= $1 and "word" < $2 order by "word" limit $3;

-- listIdsByStatus
select "id" from "users" where "status" = $1 order by "id" limit $2;

-- listIdsByRole
select "user_id" from "user_roles" where "role" = $1 order by "user_id" limit $2;

-- listIdsMadeBetween
select "id" from "users" where "id" >= $1 and "id" < $2 order by "id" limit $3;

-- walkUsers
select "id" from "users" order by "id" desc limit $1;
select "id" from "users" where "id" >= $1 and "id" < $2 and "id" > $3 order by "id" asc limit $4;
select "id" from "users" where "status" = $1 and "id" < $2 order by "id" desc limit $3;
select "user_id" from "user_roles" where "role" = $1 and "user_id" < $2 order by "user_id" desc limit $3;
select "id", "email" as "place" from "users" where "email" > $1 order by "email" limit $2;

-- listUserRows
select * from "users" where "id" in ($1, $2, $3, $4, $5, $6, $7, $8) order by "id" desc limit $9;
select * from "users" where "id" in ($1, $2, $3, $4, $5, $6, $7, $8) and "status" = $9 and "id" >= $10 and "id" < $11 and (("email" >= $12 and "email" < $13) or exists (select "user_words"."user_id" from "user_words" where "user_words"."user_id" = "users"."id" and "user_words"."word" >= $14 and "user_words"."word" < $15)) and roles like $16 escape '!' and "email" > $17 order by "email" asc limit $18;
