-- listPublicKeys
select `kid`, `state`, `public_jwk` from `signing_keys` order by `kid`;

-- listSigningKeys
select * from `signing_keys` where `state` != ? order by `created_at`, `kid`;

-- listRemovedKeys
select `kid` as `id`, `retired_at` as `due_at` from `signing_keys` where `state` = ? and `revoked_at` is null and `retired_at` < ? order by `retired_at`, `kid` limit ?;

-- deleteRemovedKeys
delete from `signing_keys` where `kid` in (?, ?) and `state` = ? and `revoked_at` is null;

-- findSigningKey
select * from `signing_keys` where `kid` = ?;

-- resealSigningKey
update `signing_keys` set `sealed_private` = ? where `kid` = ? and `sealed_private` = ?;

-- insertSigningKey
insert into `signing_keys` (`kid`, `algorithm`, `state`, `public_jwk`, `sealed_private`, `created_at`, `activated_at`, `retired_at`, `revoked_at`) values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- markRevoked
update `signing_keys` set `revoked_at` = ? where `kid` = ? and `revoked_at` is null;

-- moveSigningKey
update `signing_keys` set `state` = ?, `retired_at` = ? where `kid` = ? and `state` = ?;
