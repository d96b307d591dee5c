-- insertService
insert into "services" ("id", "client_id", "name", "scopes", "created_at", "updated_at") values ($1, $2, $3, $4, $5, $6);

-- listSecretsExpiredBefore
select "id", "expires_at" as "due_at" from "service_secrets" where "expires_at" < $1 order by "expires_at", "id" limit $2;

-- deleteSecretRows
delete from "service_secrets" where "id" in ($1, $2);

-- insertServiceSecret
insert into "service_secrets" ("id", "service_id", "hash", "created_at", "expires_at", "last_used_at") values ($1, $2, $3, $4, $5, $6);

-- listServiceRows
select * from "services" order by "id" limit $1;
select * from "services" where "id" > $1 order by "id" limit $2;

-- findServiceRow
select * from "services" where ("id" = $1 or "client_id" = $2);

-- takeServiceRow
update "services" set "name" = "name" where ("id" = $1 or "client_id" = $2);

-- updateServiceRow
update "services" set "name" = $1, "scopes" = $2, "updated_at" = $3 where "id" = $4;

-- deleteServiceRows
delete from "service_secrets" where "service_id" = $1;
delete from "services" where "id" = $1;

-- listSecretRows
select * from "service_secrets" where "service_id" in ($1, $2) and ("expires_at" is null or "expires_at" > $3) order by "id";

-- deleteSecretsOfService
delete from "service_secrets" where "service_id" = $1;

-- expireServiceSecrets
update "service_secrets" set "expires_at" = $1 where "service_id" = $2 and ("expires_at" is null or "expires_at" > $3);

-- deleteSecretRow
delete from "service_secrets" where "id" = $1 and "service_id" = $2;

-- noteSecretUse
update "service_secrets" set "last_used_at" = $1 where "id" = $2 and ("last_used_at" is null or "last_used_at" < $3);

-- findServiceWithSecrets
select "services"."id", "services"."client_id", "services"."name", "services"."scopes", "service_secrets"."id" as "secret_id", "service_secrets"."hash", "service_secrets"."expires_at", "service_secrets"."last_used_at" from "services" inner join "service_secrets" on "service_secrets"."service_id" = "services"."id" where "services"."client_id" = $1 and ("service_secrets"."expires_at" is null or "service_secrets"."expires_at" > $2);

-- listLivingSecrets
select "service_secrets"."id", "services"."scopes" from "service_secrets" inner join "services" on "services"."id" = "service_secrets"."service_id" where "service_secrets"."id" in ($1, $2) and ("service_secrets"."expires_at" is null or "service_secrets"."expires_at" > $3);
