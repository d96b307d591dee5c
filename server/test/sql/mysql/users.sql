-- insertUser
insert into `users` (`id`, `email`, `email_verified`, `name`, `locale`, `roles`, `status`, `metadata`, `created_at`, `updated_at`, `last_login_at`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- findUserById
select * from `users` where `id` = ?;

-- findUserForLogin
select `users`.*, `passwords`.`hash` as `hash` from `users` left join `passwords` on `passwords`.`user_id` = `users`.`id` where `users`.`email` = ?;

-- findUserIdByEmail
select `id` from `users` where `email` = ?;

-- updateUser
update `users` set `last_login_at` = ? where `id` = ?;
update `users` set `name` = ?, `locale` = ?, `metadata` = ?, `updated_at` = ? where `id` = ?;

-- deleteUserRow
delete from `users` where `id` = ?;
