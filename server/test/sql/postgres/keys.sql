-- listPublicKeys
select "kid", "state", "public_jwk" from "signing_keys" order by "kid";

-- listSigningKeys
select * from "signing_keys" where "state" != $1 order by "created_at", "kid";

-- listRemovedKeys
select "kid" as "id", "retired_at" as "due_at" from "signing_keys" where "state" = $1 and "revoked_at" is null and "retired_at" < $2 order by "retired_at", "kid" limit $3;

-- deleteRemovedKeys
delete from "signing_keys" where "kid" in ($1, $2) and "state" = $3 and "revoked_at" is null;

-- findSigningKey
select * from "signing_keys" where "kid" = $1;

-- resealSigningKey
update "signing_keys" set "sealed_private" = $1 where "kid" = $2 and "sealed_private" = $3;

-- insertSigningKey
insert into "signing_keys" ("kid", "algorithm", "state", "public_jwk", "sealed_private", "created_at", "activated_at", "retired_at", "revoked_at") values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- markRevoked
update "signing_keys" set "revoked_at" = $1 where "kid" = $2 and "revoked_at" is null;

-- moveSigningKey
update "signing_keys" set "state" = $1, "retired_at" = $2 where "kid" = $3 and "state" = $4;
