-- insertService
insert into `services` (`id`, `client_id`, `name`, `scopes`, `created_at`, `updated_at`) values (?, ?, ?, ?, ?, ?);

-- listSecretsExpiredBefore
select `id`, `expires_at` as `due_at` from `service_secrets` where `expires_at` < ? order by `expires_at`, `id` limit ?;

-- deleteSecretRows
delete from `service_secrets` where `id` in (?, ?);

-- insertServiceSecret
insert into `service_secrets` (`id`, `service_id`, `hash`, `created_at`, `expires_at`, `last_used_at`) values (?, ?, ?, ?, ?, ?);

-- listServiceRows
select * from `services` order by `id` limit ?;
select * from `services` where `id` > ? order by `id` limit ?;

-- findServiceRow
select * from `services` where (`id` = ? or `client_id` = ?);

-- takeServiceRow
update `services` set `name` = `name` where (`id` = ? or `client_id` = ?);

-- updateServiceRow
update `services` set `name` = ?, `scopes` = ?, `updated_at` = ? where `id` = ?;

-- deleteServiceRows
delete from `service_secrets` where `service_id` = ?;
delete from `services` where `id` = ?;

-- listSecretRows
select * from `service_secrets` where `service_id` in (?, ?) and (`expires_at` is null or `expires_at` > ?) order by `id`;

-- deleteSecretsOfService
delete from `service_secrets` where `service_id` = ?;

-- expireServiceSecrets
update `service_secrets` set `expires_at` = ? where `service_id` = ? and (`expires_at` is null or `expires_at` > ?);

-- deleteSecretRow
delete from `service_secrets` where `id` = ? and `service_id` = ?;

-- noteSecretUse
update `service_secrets` set `last_used_at` = ? where `id` = ? and (`last_used_at` is null or `last_used_at` < ?);

-- findServiceWithSecrets
select `services`.`id`, `services`.`client_id`, `services`.`name`, `services`.`scopes`, `service_secrets`.`id` as `secret_id`, `service_secrets`.`hash`, `service_secrets`.`expires_at`, `service_secrets`.`last_used_at` from `services` inner join `service_secrets` on `service_secrets`.`service_id` = `services`.`id` where `services`.`client_id` = ? and (`service_secrets`.`expires_at` is null or `service_secrets`.`expires_at` > ?);

-- listLivingSecrets
select `service_secrets`.`id`, `services`.`scopes` from `service_secrets` inner join `services` on `services`.`id` = `service_secrets`.`service_id` where `service_secrets`.`id` in (?, ?) and (`service_secrets`.`expires_at` is null or `service_secrets`.`expires_at` > ?);
