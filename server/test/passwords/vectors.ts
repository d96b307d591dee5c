/**
 * Hashes of other makers: most by passlib 1.7.4 over bcrypt 4.0.1 and by argon2-cffi, the last few from the test sets
 * of jBCrypt and of the Argon2 reference code. All were confirmed by those Python libraries.
 */
export const vectors: { hash: string; password: string }[] = [
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$HBEw.pBomJD2Rnccd2GvG.$.KaWCTgl/kKtXap.51kc/QrcO.6dcke',
    password: 'correct horse battery staple',
  },
  {
    hash: '$bcrypt-sha256$2b,4$orLTnfOphycsw5jik2QxZ.$iVkVa2KtpN97WRBDDosU30p0.7P5UB.',
    password: 'correct horse battery staple',
  },
  { hash: '$2b$04$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG', password: 'correct horse battery staple' },
  { hash: '$bcrypt-sha256$v=2,t=2b,r=4$cpQW0UV9DwmpzXl/BHa2WO$gPUEW1h8OWUeIFIHefV8DtCVQRvpPWa', password: '' },
  { hash: '$bcrypt-sha256$2b,4$Nmb9.WbJ3IJGD8opA5bSce$8Gfo15WduJPIfM7BuLvLflAkdQrPksq', password: '' },
  { hash: '$2b$04$Cx1oXsEW0jV7TKKYxZUw6eLBQ.H3EDDSPP2roAXz3h4ukSVEnguNO', password: '' },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$dILK6u0niBN9LanQc7COsO$yD/vbZjRmHpDAFcjQNb2rsmKKAkAuKy',
    password: 'a'.repeat(72),
  },
  { hash: '$bcrypt-sha256$2b,4$2pUzq4g0yBfL3MRCIO0NN.$CYa.dreQ8ozUpR9.5.6t0YanTuIbTQO', password: 'a'.repeat(72) },
  { hash: '$2b$04$W3Bp.siNkI/0B2xgS26NKeVp9uyBLYPcS2w4F0ZsfU51frA0O9Nqu', password: 'a'.repeat(72) },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$t5tY6MqCF9vxv6v/M6zEHe$KZBSzUQGLV8vTr79veGu3lT3PIfQz0a',
    password: 'a'.repeat(73),
  },
  { hash: '$bcrypt-sha256$2b,4$rXDti7QBEyZQoYUrQrnKIO$.0PkP3UheU/hS1SJqHgU3.HqKm5kfYe', password: 'a'.repeat(73) },
  { hash: '$2b$04$mqIRh2Y8WgWOAKBu8d8h9ufG5quAuIsbOSPREVbOBFdVtPyiv1Ttq', password: 'a'.repeat(73) },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$UmyYMMy.yDjc49Vq5HN51O$ZoxwnqrDfpzdP/0dAp8gDRAF9BqrtT.',
    password: 'x'.repeat(200),
  },
  { hash: '$bcrypt-sha256$2b,4$YSVHv7ed5ljjmDtlveEIpe$/zAtXt3btns2uJwilzM6EDu5ch46uPG', password: 'x'.repeat(200) },
  { hash: '$2b$04$3w.JXwfXazPL5Q9YEG60Je1wdecWGLOLZwwShjDZ6nzK7rgm5sBie', password: 'x'.repeat(200) },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$M4zJvXR46ymyB1/xWP.zJO$lSB6tS9UXImziqphj9mFtqjQXGxzw2G',
    password: 'pässwörd-€-😀',
  },
  { hash: '$bcrypt-sha256$2b,4$gZuvkFVjXtcCQVvg47R3wO$RdO5/gM0LqOKFkPkb76jnh5Mj3bIZAW', password: 'pässwörd-€-😀' },
  { hash: '$2b$04$VW7XWHlW1fjseSaelU52leHvWzYO1EFBLg4nZ4OoYtg2R8cIIU9Je', password: 'pässwörd-€-😀' },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=4$VEOesiePHnXroFvlR5qY0O$P7EhIWqkY1Koczi5SG/wg8MlPQSLAhK',
    password: 'nul\0inside',
  },
  { hash: '$bcrypt-sha256$2b,4$ZuiDxhiJIdYj7TJybWJoyO$v4BCDDH7z5zYdnF2nFnLYc9Sx8hw9C6', password: 'nul\0inside' },
  { hash: '$2a$04$Laau022ssypjsVhamfE8q.sM5YRV3P9ikONpSpfIfzFG2GCIFXZiC', password: 'correct horse battery staple' },
  { hash: '$2y$04$fJsjAx2Azy0AVYp4MDI60Oo7swXwGYl7ZD6eQ5rXOTTvX57r6X8ZK', password: 'correct horse battery staple' },
  { hash: '$2b$04$6PMCKupJKVDuw9GRM4IBr.mcnei.QLrFZENonAFahRHjTQ4nlE.VO', password: 'correct horse battery staple' },
  {
    hash: '$bcrypt-sha256$v=2,t=2b,r=12$Inlm1nuJF7iC6oPoRa6/z.$3e1.OClojNMsyU5r8KkPFk1qM2UPFtO',
    password: 'correct horse battery staple',
  },
  {
    hash: '$bcrypt-sha256$2a,5$kJ80srjp3CST0TMylzKv1.$.ZQrgDeYH9tfHjJsdDxtTJhsEZnSiRy',
    password: 'correct horse battery staple',
  },
  {
    hash: '$argon2id$v=19$m=1024,t=2,p=2$2Foq83ERGO62SPwkNFtp6Q$Yv/PklkH9cMCCiwSbGTh8i+QO5h2XWBmfn7u9+PcEk8',
    password: 'correct horse battery staple',
  },
  {
    hash: '$argon2i$v=19$m=1024,t=2,p=2$89kI187asMAf1LvoS/lxyQ$RjcWD6vrn5FxGbrfPKkIMMQkIyrNE5gnFdrRGE06CWM',
    password: 'correct horse battery staple',
  },
  { hash: '$2b$10$lRxiX0Lkzh0XOiXM2HPf5.6Z3dvq0By9hsBk1uGqsJXFjVcSTAqIu', password: 'correct horse battery staple' },
  {
    hash: '$argon2id$v=19$m=19456,t=2,p=1$gaYXrGBuoLC4+8tuOopdlA$8vcz/YnQmk6TwFRszg3+0BzPHrTB5yGPO62xxHGPYWc',
    password: 'correct horse battery staple',
  },
  { hash: '$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe', password: 'a' },
  { hash: '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8', password: 'password' },
  { hash: '$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY', password: 'password' },
  {
    hash: '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
    password: 'password',
  },
]
