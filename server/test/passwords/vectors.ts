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

/** Hashes of what people come from, most of them cheaper than usual so that the tests are quick. */
export const foreignVectors: { maker: string; hash: string; password: string }[] = [
  {
    maker: 'Django 5.2.19',
    hash: 'pbkdf2_sha256$1000$XUnVxolQftrJncTCjJp39B$acGVNqTr3gYPcenfH36SuAD3L4ZFGelBwz+Rh6sVX+Y=',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'pbkdf2_sha1$1000$bXe3aWJlLNH4YrGFUY2kZe$ZxMctsxywgRrM6lfblUrcGR+lys=',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'bcrypt_sha256$$2b$04$.8xGzZfg/qSsmOBzLXvZjOGSTMI8nxiz3zQExdwfmibKIXjyzzV6e',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'bcrypt$$2b$04$PSbw1ql4MVBViQpnsshaxOM1U7QXLHzuyf733mLGE29s0mVqh.Zsu',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'scrypt$1024$XSQK3bS3ApIUBmIDhTwjU7$8$5$+Jcpn9/x8FwXXF33Ge0yZim3GGa3UhI7dC/eo2RKaan+FkH3+oWiVgU+iAvX6yZJOzM8ZMPA5LkxA0gyrVm7/Q==',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'argon2$argon2id$v=19$m=1024,t=2,p=8$U0tmTnJEY1Uza0tsdHVLSmVRU0dhYg$vUoQfXffUhuIRoBzy3qmZTcnWqeZuJEI68qRsTmI8Mw',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha256:1000$5URphRiMEwb4xG7g$24eaa180a56a4179ed670ac551f962c6f594c25858119f1c0084f1fc37831d51',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha1:1000$eXjLRjwyH1FnXVjW$e64f2df4e371966e722dde6282fa5fcfcfc14d0f',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha512:1000$uyfykOG0vYN9xWus$e2f84a8d790a9a0be60fe3f1f8300f5c98f3a519bb5b8d3e3c5430dab6d839d8cdff9b7df20137866ec38b9856c5e7b84fe06b29d902643511d71638d0d61f9a',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'scrypt:1024:8:1$PaAk7pSo9CMFBi1o$4b57bdfc255f8b421827440c73759816d35d4c5cd6a63942c8011d93b865a512f59f715ba24b4ab53df583d1a806606989f13c56fb3d0acb752fe09d31ff7976',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'scrypt:1024:8:2$X5vAIOlU9e8bh65o$1e5e08cd8592a4367791c0a997c185db02970793ad9d3745c7bac955efa1b057fc9d5441acd417d860960664047b119c165cd337ac2a48f49bea3446e61e4c89',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2$1000$cq71Pofwfo9RCgGglJISgg$2.jU8Z3eB/jbnR7QG4g25X9b4ic',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2-sha256$1000$e0/JOce413pvrZXyntPamw$mL1vn.2UCEOLa9xgk11OrzJKNdY7Q24H9CElZy9aFGM',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2-sha512$1000$nTPmnDNmzFmLEQJA6N2bsw$/F/.AKkYCL973JbJ65lPvxWmfdI1v6w5nDlS1ZNe5qCEDTTDWOEuiYW8YPjqGbFw4XBnU1oFf1z7dF577HsfQQ',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$scrypt$ln=10,r=8,p=1$UIrxXsvZWwvBmJOScu7dWw$ZOPrsDWDo8u9LYilaN9AF4EPFJRuPFIIf4y4mSLNhAo',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$scrypt$ln=10,r=8,p=3$03rv3fsfQ2iNkVIKYSzFmA$YoVhA0KMBW5ZRztbGiQfar1Yc8nNaRTcNweUIXQj4Jw',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$P$5pPZPqBe/rMvwwSOr1VE/Y/1OnsezV1',
    password: 'correct horse battery staple',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$H$5KN9JpGenRrwPVElVvVZgOHV/zoejY.',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'pbkdf2_sha256$1000$Sn3nDznmcdpSgZEGriR0N3$dXrk7yJ44w4ySMzgDNg9ot3AuUYhI2UpsjUSZwBEIwM=',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'pbkdf2_sha1$1000$nE7FgURwacV0bfT01w7yKW$dupl5nfxv6GEn8cjdHqXM76Jr4g=',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'bcrypt_sha256$$2b$04$8doenlV3xpZw/EjLFr1PcOtzPwquaOyusnyjaYKy7Gotua1DhZvgG',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'bcrypt$$2b$04$Nmq2T0kTfpaCxKy.zmUSAuoiYKsQryyZGDaVxFxtE.OTb0PITi2ny',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'scrypt$1024$3ZMTmOvUUUHEKzHydX3VjS$8$5$FchUI/mOPrpxmjpBXj6nZq/lcIrfh5Ju2WgLtrH3aZPYM32XB0YKM/UUwwqrDLICQsi2TiOGrsNCwNDk2sM/ug==',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'argon2$argon2id$v=19$m=1024,t=2,p=8$RUUwYm5aZFdDS3d4Q1Fyc09mUngyVA$MOu7onTOmpihpuxcyoL3KZ4MSH+EhEbSylO2Z8XNuQE',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha256:1000$cZ8HSccDa61oU4fg$0fac3207e719aae725a7fb1571ac42e1bf0e7865aa5f26efb7989345f48d990b',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha1:1000$5Wput61L71OW4gQc$2b98b1a7bb0eb7a142a393f2420d54a58571b966',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha512:1000$PM22IdL80RKg4SAz$e052ee118284e02b41a3172a76ea28928ee6283d566529fa1bd5d9cda967a833e25e20fb59cbe9908d2fe1685762ec56fff93e0562b039f30f69df792d7a3559',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'scrypt:1024:8:1$2vc3KOWHkVBwjZqU$bcd5741e95b12c90ca32fee318bc095d9e69bd31b73a7b5f1b9503d0cdb2392c3556513d7381efe8bc4879d52f53ce4d9b98b97d5a20f36feb10ca1699582995',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'scrypt:1024:8:2$Bke7wmTGy2Hcpzub$bcd1f590b3270e94af22b147eeb8967ca8023161b3fce58a4853fd20275019b75e81431f9ccfd14ea6a06593e3e88e20bc9a7ee7eecce3f03c36dedce4d830cc',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2$1000$yPmfMybkvHcOodR6793buw$O22nxyqgaxBMF38WCLBLX1HjDjM',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2-sha256$1000$VWpN6X0vZWztPQdgLMW41w$XdeofXZ8kmj0Z8/6scbmjPbCcsRX/xeJ5Zossmyej9c',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$pbkdf2-sha512$1000$GiOEkJLSWotxLiXEuJcS4g$vLfthvlVxhb5XSSpY/nsE5AYPUd4v1mZ.givM33aK3ziqUvqSWIxGKz2Pnb5BnDW7CVls9WfWe/sg0uq32SEAg',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$scrypt$ln=10,r=8,p=1$vVdqLeW8l7LWWkvpHWNsDQ$YsvZO5iP1RlrOIz+XfmIsTEOWIm/qbUpWYBqP52kCEI',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$scrypt$ln=10,r=8,p=3$QWgNoTRGqHXO2fs/51yrNQ$TR6nAUU3Cw9nRR/81YLVoumCfxiig96njeFFN9vrRmw',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$P$5ZQHj8cnPLtePkC6ubMJjZBJItgoyR/',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'passlib 1.7.4',
    hash: '$H$5VUHKeqsc5f.gM4tG3xVVq9g.THlcw0',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'pbkdf2_sha256$1000000$HkmDzod33UkN3CJAxdv4QJ$sl9Xq3FU+WFU1DHpCWc5aqemBk8ccs6/o2Uhy0FkE44=',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'scrypt:32768:8:1$0YvA9qJrGywZTi9Y$93689babfbd948d5293309ee527d11dd0f65239136f2a4288b1d3cac2d0bb00f9605cfd5a186c1b91a4d3bbc704dad5240f545ea0f3386f4a095946a60e81011',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Werkzeug 3.1.9',
    hash: 'pbkdf2:sha256:1000000$Fiyiv0PSU4pIzhUe$037da419c048b8806e13ffc1713408941a159d3ed778ba81e8a843ace60e159e',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Django 5.2.19',
    hash: 'argon2$argon2id$v=19$m=102400,t=2,p=8$VlBFNlMxOEFMUFd2b0pJZlVBc3Mwbw$ncuPsjbBxH54g3jflGzvHL/SjapIMsRHvWT3JmjBD2k',
    password: 'correct horse battery staple',
  },
  {
    maker: 'hashlib, in the shape of Keycloak',
    hash: '$pbkdf2-sha1$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg==$wmIXv0mv7iouqkc9CKjRvCX21ppxie1kqc0WMgmDj0o+97VK8UW9s9Quxr8AjR3iqH5sGSrNnbDLUPu+/v6crg==',
    password: 'correct horse battery staple',
  },
  {
    maker: 'hashlib, in the shape of Keycloak',
    hash: '$pbkdf2-sha256$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg==$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplLYbawB4lwjdPCI3Ns1d3pRT9/+PGa1sFXN8qwjZx9S8g==',
    password: 'correct horse battery staple',
  },
  {
    maker: 'hashlib, in the shape of Keycloak',
    hash: '$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg==$5bTW2oeyDJyGJPcmEr+mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC+oDhRoeIja9J1iLIv9ptDJMfQ==',
    password: 'correct horse battery staple',
  },
  {
    maker: 'bcrypt 4.0.1, as WordPress 6.8 calls it',
    hash: '$wp$2y$04$J67Muy9dLbmELnHOOOyLGOTH3H4molYXbKNJY/3UOxzcjZjSRIguC',
    password: 'correct horse battery staple',
  },
  {
    maker: 'the library that made the format',
    hash: '$P$Babcdefgh9JjESeAq5StfTylF1Rcb80',
    password: 'correct horse battery staple',
  },
  {
    maker: 'the library that made the format',
    hash: 'pbkdf2_sha256$1000000$saltsaltsaltsalt1234$FFXjjjUYx0JOIzxdR4l3qcUcVkBGbsCnvZaaIhl0DhM=',
    password: 'correct horse battery staple',
  },
  {
    maker: 'the library that made the format',
    hash: '$pbkdf2-sha256$29000$MDEyMzQ1Njc4OWFiY2RlZg$vajIaozrb7q4x.G3R5Y.FIe07ZH3QEjPYV1bs8kEikU',
    password: 'correct horse battery staple',
  },
  {
    maker: 'the library that made the format',
    hash: '$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tjK03tRvEjqCcPwmgtddMkgjlXrk8U/b9rIvfeBMKCc',
    password: 'correct horse battery staple',
  },
  {
    maker: 'the library that made the format',
    hash: 'scrypt$16384$saltsaltsaltsalt1234$8$5$QX6Chh+pwGrW5kPG4Ss5kJQJdsf9rn/uqEBJHHrnEOT+saDP9CcEoSHFqmmISbDrgMoCTtyJYFlLg+ABRAnIkQ==',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Firebase, from its own documentation',
    hash: '$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    password: 'user1password',
  },
  {
    maker: 'Better Auth 1.7.25',
    hash: 'b97b7832e2d958974c666d2b518de25f:4cd73e9a2aa5b3e6f8626d08ee8ca1933b6c77cdabbb33c3132aca4333263408088348fb86e82935af5cf2b5c772d22842b269dca1cd4f6a9f3988e363a1739f',
    password: 'correct horse battery staple',
  },
  {
    maker: 'Better Auth 1.7.25',
    hash: '949263aa0422ef4ec596c5f695e5601d:5cb4c5458cbd09192df1bc9500dca81fb6ad9942add14f75fbf13b9a045e4ea0d78b5b68c2216659af4e83084d50e01ec6a2da6dec658f609ae290c5f6cb9d2f',
    password: 'pässwörd-€-😀',
  },
  {
    maker: 'Better Auth 1.7.25',
    hash: '327212cf2be43a13bd2732fb82ae53bf:fe32ecaac104412f1dc2eb1bbac6daede34a0b1387ba0a30682f8004a9e766d4ca168a5611e0156b2de81dcb474a3abe56bd2b6edf52c59ee0afc13f03de1a60',
    password: 'ﬁne ①',
  },
]
