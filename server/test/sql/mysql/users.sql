-- insertUser
insert into `users` (`id`, `email`, `email_verified`, `name`, `locale`, `roles`, `status`, `metadata`, `created_at`, `updated_at`, `last_login_at`, `deletion_due_at`, `unconfirmed_since`, `roles_id`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insertUsers
insert into `users` (`id`, `email`, `email_verified`, `name`, `locale`, `roles`, `status`, `metadata`, `created_at`, `updated_at`, `last_login_at`, `deletion_due_at`, `unconfirmed_since`, `roles_id`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
insert into `user_roles` (`user_id`, `role`) values (?, ?), (?, ?);
insert into `user_words` (`user_id`, `word`) values (?, ?);

-- listUsersKnownBy
select `id`, `email`, `email_verified`, `status`, `unconfirmed_since`, `updated_at` from `users` where `email` in (?, ?, ?, ?, ?, ?, ?, ?);
select `id`, `email`, `email_verified`, `status`, `unconfirmed_since`, `updated_at` from `users` where `id` in (?, ?, ?, ?, ?, ?, ?, ?);

-- listUserRowsAfter
select * from `users` where `id` > ? order by `id` limit ?;

-- listUsersToDelete
select `id`, `deletion_due_at` as `due_at` from `users` where `deletion_due_at` <= ? and `deletion_due_at` >= ? and (`deletion_due_at` > ? or `id` > ?) order by `deletion_due_at`, `id` limit ?;
select `id`, `deletion_due_at` as `due_at` from `users` where `deletion_due_at` <= ? and `deletion_due_at` >= ? and (`deletion_due_at` > ? or `id` > ?) order by `deletion_due_at`, `id` limit ?;

-- listUnconfirmedUsers
select `id`, `unconfirmed_since` as `due_at` from `users` where `unconfirmed_since` <= ? and `unconfirmed_since` >= ? and (`unconfirmed_since` > ? or `id` > ?) order by `unconfirmed_since`, `id` limit ?;

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

-- insertUserRoles
insert into `user_roles` (`user_id`, `role`) values (?, ?), (?, ?);

-- deleteUserRoles
delete from `user_roles` where `user_id` = ?;

-- insertUserWords
insert into `user_words` (`user_id`, `word`) values (?, ?), (?, ?);

-- deleteUserWords
delete from `user_words` where `user_id` = ?;

-- takeUserRow
update `users` set `status` = `status` where `id` = ?;

-- turnLatch
update `latches` set `turn` = `turn` + ? where `name` = ?;

-- hasOtherActiveUserWithRole
select `users`.`id` from `user_roles` inner join `users` on `users`.`id` = `user_roles`.`user_id` where `user_roles`.`role` = ? and `user_roles`.`user_id` != ? and `users`.`status` = ? and `users`.`deletion_due_at` is null limit ?;

-- countUsersWithRole
select `user_id` from `user_roles` where `role` = ? order by `user_id` limit ?;

-- listIdsByWord
select `id` from `users` where `email` >= ? and `email` < ? order by `email` limit ?;
select `user_id` as `id` from `user_words` where `word` >= ? and `word` < ? order by `word` limit ?;

-- listIdsByStatus
select `id` from `users` where `status` = ? order by `id` limit ?;

-- listIdsByRole
select `user_id` from `user_roles` where `role` = ? order by `user_id` limit ?;

-- listIdsMadeBetween
select `id` from `users` where `id` >= ? and `id` < ? order by `id` limit ?;

-- walkUsers
select `id` from `users` order by `id` desc limit ?;
select `id` from `users` where `id` >= ? and `id` < ? and `id` > ? order by `id` asc limit ?;
select `id` from `users` where `status` = ? and `id` < ? order by `id` desc limit ?;
select `user_id` from `user_roles` where `role` = ? and `user_id` < ? order by `user_id` desc limit ?;
select `id`, `email` as `place` from `users` where `email` > ? order by `email` limit ?;

-- listUserRows
select * from `users` where `id` in (?, ?, ?, ?, ?, ?, ?, ?) order by `id` desc limit ?;
select * from `users` where `id` in (?, ?, ?, ?, ?, ?, ?, ?) and `status` = ? and `id` >= ? and `id` < ? and ((`email` >= ? and `email` < ?) or exists (select `user_words`.`user_id` from `user_words` where `user_words`.`user_id` = `users`.`id` and `user_words`.`word` >= ? and `user_words`.`word` < ?)) and roles like ? escape '!' and `email` > ? order by `email` asc limit ?;
