/** A program that stays logged in between its runs. `EMAIL=… PASSWORD=… node program.ts` */
import { AuthClient } from 'ntt-auth-client'
import { fileStorage } from 'ntt-auth-client/file'

const { AUTH_URL = 'http://127.0.0.1:8080', LOGIN_FILE, EMAIL = '', PASSWORD = '' } = process.env

const auth = new AuthClient({ baseUrl: AUTH_URL, storage: fileStorage({ path: LOGIN_FILE }) })
if (!(await auth.getSession())) await auth.login({ email: EMAIL, password: PASSWORD, device_name: 'my program' })
const { email } = await auth.getUser({ fresh: true })
console.log(`Logged in as ${email}.`)
