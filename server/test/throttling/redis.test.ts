import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { command as doctor } from '../../src/cli/doctor.ts'
import { believedFor } from '../../src/domain/throttling/refusals.ts'
import { eventually, problem } from '../flows/flow-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { skipRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { runCommand } from '../support/run-command.ts'
import { goodPassword, startTestServer, type TestServer, testMasterKey } from '../support/server.ts'

const rejected = '401 invalid_credentials'
const limited = '429 rate_limited'

describe('with Redis', { skip: skipRedis }, () => {
  onEachDatabase((_name, url) => {
    let redis: TestRedis
    let server: TestServer
    let at = Date.now()
    const advance = (by: number) => {
      at += by
    }
    const clock = { now: () => at, offset: () => at - Date.now(), advance }
    const start = (more: Record<string, string> = {}) =>
      startTestServer(url(), {
        clock,
        settings: { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1', REDIS_URL: redis.url, ...more },
      })
    const isUp = (node = server) => eventually(async () => node.app.throttle.redis?.isUp() === true)
    const isAway = (node = server) => eventually(async () => node.app.throttle.redis?.isUp() === false)

    let people = 0
    let networks = 0
    const nobody = () => `nobody-${++people}@example.com`
    const elsewhere = () => `203.1.${++networks >> 8}.${networks & 255}`
    const post = (path: string, body: unknown, ip: string, node = server) =>
      node.call('POST', path, { body, headers: { 'x-forwarded-for': ip } })
    const logIn = async (email: string, password: string, ip: string, node = server) =>
      problem(await post('/v1/auth/login', { email, password }, ip, node))
    const somebody = async () => {
      const email = nobody()
      assert.equal((await post('/v1/auth/register', { email, password: goodPassword }, elsewhere())).status, 201)
      return email
    }
    /** Wrong passwords at once, each for another address; none takes time. @returns how many were checked */
    const checksOf = async (times: number, ip: string, nodes = [server]) => {
      let checks = 0
      const verifies = nodes.map(({ app }) => app.hasher.verify)
      for (const { app } of nodes) {
        app.hasher.verify = async () => {
          checks++
          return { ok: false, rehash: false, truncated: false, unreadable: null }
        }
      }
      const all = Array.from({ length: times }, (_, time) => logIn(nobody(), 'wrong', ip, nodes[time % nodes.length]))
      const answers = await Promise.all(all).finally(() => {
        for (const [index, { app }] of nodes.entries()) app.hasher.verify = verifies[index]!
      })
      for (const answer of answers) assert.ok([rejected, limited].includes(answer), answer)
      return checks
    }
    const bucketsInDatabase = async () => {
      const rows = await server.app.database.db.selectFrom('buckets').select('name').execute()
      return rows.length
    }
    /** What a node has said of Redis, in order. */
    const changes = (node = server) =>
      node.log.flatMap(({ msg }) => /^Redis is (away|back)/.exec(String(msg))?.slice(1, 2) ?? [])
    /** Each change is said once: never that it is away while that is known, nor that it is back. */
    const assertSaidOnce = (last: 'away' | 'back') => {
      const said = changes()
      assert.deepEqual([said[0], said.at(-1)], ['away', last])
      for (const [index, change] of said.entries()) assert.notEqual(change, said[index - 1], said.join())
    }
    /**
     * For what is said of a Redis that is there: one that a busy machine kept waiting for half a second is away for its
     * callers, and the database counts. Then nothing was shown, and it is done again.
     */
    const whileUp = async (work: () => Promise<void>, nodes = [server]) => {
      for (let tries = 1; ; tries++) {
        for (const node of nodes) await isUp(node)
        const before = nodes.map((node) => changes(node).length)
        const wasUp = () => nodes.every((node, index) => changes(node).length === before[index])
        try {
          await work()
          if (wasUp()) return
        } catch (error) {
          if (wasUp()) throw error
        }
        assert.ok(tries < 10, 'Redis was kept waiting again and again')
      }
    }
    const refusedBy = (backend: string) => {
      const found = [...server.app.meter.counted('ntt_auth_rate_limited_total')]
      return found.filter(({ labels }) => labels.backend === backend).reduce((sum, { value }) => sum + value, 0)
    }

    before(async () => {
      redis = await startRedis()
      server = await start()
      await isUp()
    })
    after(async () => {
      await server?.close()
      await redis?.stop()
    })

    it('counts the calls of a network there, for all nodes together, and nothing of them in the database', async () => {
      const other = await start()
      const counted = async () => {
        const inDatabase = await bucketsInDatabase()
        assert.equal(await checksOf(150, elsewhere(), [server, other]), 100)
        assert.equal(await bucketsInDatabase(), inDatabase)
        assert.ok(refusedBy('redis') > 0)
        const ip = `2001:db8:${++networks}::1`
        const [client, known] = [await redis.client(), new Set<string>()]
        try {
          for (const name of await client.keys('*')) known.add(name)
          assert.equal(await checksOf(1, ip), 1)
          // Who looks after Redis writes a key of its own, which comes and goes.
          const made = (await client.keys('*')).filter((name) => !known.has(name) && !name.endsWith(':look'))
          assert.equal(made.length, 2, 'one for the /64, one for the /48')
          for (const name of made) {
            assert.ok(!name.includes('2001'), 'it does not tell whose it is')
            const left = await client.pTTL(name)
            assert.ok(left > 0 && left <= 15_000 + 60_000, `it goes by itself, in ${left} ms`)
          }
        } finally {
          client.destroy()
        }
      }
      try {
        await whileUp(counted, [server, other])
      } finally {
        await other.close()
      }
    })

    it('lets one more in when its time has come', async () => {
      await whileUp(async () => {
        const ip = elsewhere()
        assert.equal(await checksOf(110, ip), 100)
        const refused = await post('/v1/auth/login', { email: nobody(), password: 'wrong' }, ip)
        assert.deepEqual([problem(refused), refused.headers.get('retry-after')], [limited, '15'])
        clock.advance(15_000)
        assert.equal(await checksOf(5, ip), 1)
        clock.advance(3_600_000)
        assert.equal(await checksOf(110, ip), 100)
      })
    })

    it('takes nothing off for a success, and counts nothing that the account alone refused', async () => {
      await whileUp(async () => {
        const [ip, own, victim] = [elsewhere(), await somebody(), nobody()]
        for (let time = 0; time < 5; time++) assert.equal(await logIn(victim, 'wrong', elsewhere()), rejected)
        let checks = 0
        for (let round = 0; round < 6; round++) {
          checks += await checksOf(19, ip)
          if (round === 5) break
          assert.equal(await logIn(own, goodPassword, ip), '200 ')
          assert.equal(await logIn(victim, 'wrong', ip), limited)
          // So short that no place in the bucket becomes free.
          server.app.throttle.refusals.forget(server.app.throttle.name('account', victim))
        }
        assert.equal(checks, 100)
      })
    })

    it('refuses nobody and answers everybody when it is killed in the middle of the traffic', async () => {
      const own = await Promise.all(Array.from({ length: 4 }, somebody))
      const answers: string[] = []
      let going = true
      const working = own.map(async (email, index) => {
        while (going) {
          answers.push(await logIn(email, goodPassword, elsewhere()))
          answers.push(await logIn(`absent-${index}-${++people}@example.com`, 'wrong', elsewhere()))
        }
      })
      try {
        await eventually(async () => answers.length > 10)
        await redis.signal('SIGKILL')
        const before = answers.length
        await eventually(async () => answers.length > before + 40)
      } finally {
        going = false
        await Promise.all(working)
      }
      assert.deepEqual(new Set(answers), new Set(['200 ', rejected]))
      await isAway()
      assertSaidOnce('away')

      const ip = elsewhere()
      assert.equal(await checksOf(120, ip), 100, 'the limits hold, in the database')
      assert.ok((await bucketsInDatabase()) > 0)
      const late = await start()
      try {
        clock.advance(believedFor)
        assert.equal(await checksOf(3, ip, [late]), 0, 'also on a node that starts without Redis')
      } finally {
        await late.close()
      }

      await redis.start()
      await isUp()
      assertSaidOnce('back')
      await whileUp(async () => {
        const inDatabase = await bucketsInDatabase()
        assert.equal(await checksOf(120, elsewhere()), 100)
        assert.equal(await bucketsInDatabase(), inDatabase)
      })
    })

    it('goes on while it hangs or takes nothing, and comes back to it', async () => {
      await redis.signal('SIGSTOP')
      try {
        assert.equal(await checksOf(5, elsewhere()), 5)
        await isAway()
        assert.equal(await checksOf(120, elsewhere()), 100)
      } finally {
        await redis.signal('SIGCONT')
      }
      await isUp()
      const client = await redis.client()
      await client.configSet('min-replicas-to-write', '1')
      assert.equal(await checksOf(120, elsewhere()), 100)
      await isAway()
      await client.configSet('min-replicas-to-write', '0')
      await isUp()
      client.destroy()
      assertSaidOnce('back')
      assert.ok(changes().length >= 4)
      for (const line of server.log) assert.ok(!JSON.stringify(line).includes('a word of the tests'))
    })

    it('is shown by a metric', async () => {
      const { gaugeReadings } = await import('../../src/http/gauges.ts')
      const up = async () => (await gaugeReadings(server.app).ntt_auth_redis_up()).map(({ value }) => value)
      await eventually(async () => (await up())[0] === 1)
      const without = await startTestServer(url())
      assert.deepEqual(await gaugeReadings(without.app).ntt_auth_redis_up(), [])
      await without.close()
    })

    it('is judged by the doctor', async () => {
      const examine = async (address: string) => {
        const env = { NTT_AUTH_REDIS_URL: address, NTT_AUTH_DATABASE_URL: url(), NTT_AUTH_MASTER_KEY: testMasterKey }
        const { stdout } = await runCommand(doctor, ['--json'], env)
        return (JSON.parse(stdout).findings as { about: string; level: string; says: string }[])
          .filter(({ about }) => about === 'redis')
          .map(({ level, says }) => `${level}: ${says}`)
          .join()
      }
      await eventually(async () => /^ok: Redis at 127.0.0.1:\d+ takes us in/.test(await examine(redis.url)))
      assert.match(await examine(redis.url.replace('a%20word', 'another')), /^warning: .*WRONGPASS/)
      assert.match(await examine('redis://127.0.0.1:9'), /^warning: .*ECONNREFUSED/)
      // With a file that is missing no server starts, so nobody counts instead.
      assert.match(await examine('rediss://127.0.0.1:9?ca=/nowhere'), /^problem: No server starts .*\/nowhere/)
    })
  })
})
