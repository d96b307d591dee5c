import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isMet, type Row } from './bench.ts'
import type { Machine } from './machine.ts'
import { short } from './statistics.ts'

export function machineLine({ commit, date, cpu, cores, memory, system, node }: Machine): string {
  return `Commit ${commit}, ${date}: ${cores} cores of ${cpu}, ${memory}, ${system}, Node ${node}.`
}

/** The table in Markdown. */
export function tableOf(rows: Row[]): string {
  const head = ['what', 'measured', 'lowest–highest', 'target', '', 'best peer', 'made of', 'others']
  const body = rows.map((row) => [
    row.what,
    withUnit(row.value, row.unit),
    row.spread ? `${short(row.spread[0])}–${short(row.spread[1])}` : '',
    targetText(row),
    verdict(row),
    row.peer,
    row.detail,
    `${Math.round(row.others * 100)} %`,
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => cells[column]!.length)))
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

function withUnit(value: number, unit: Row['unit']): string {
  return unit === 'ratio' ? short(value) : `${short(value)} ${unit}`
}

function targetText({ target, unit }: Row): string {
  if (target === null) return ''
  const suffix = unit === 'ratio' ? '' : ` ${unit}`
  if ('atLeast' in target) return `≥ ${target.atLeast}${suffix}`
  if ('atMost' in target) return `≤ ${short(target.atMost)}${suffix}`
  return `${target.between[0]}–${target.between[1]}${suffix}`
}

function verdict(row: Row): string {
  const met = isMet(row)
  return met === null ? '' : met ? 'met' : '**not met**'
}

const page = new URL('../../docs/benchmarks.md', import.meta.url)
const [opening, closing] = ['<!-- results -->', '<!-- end of results -->']

/** Keeps the figures as a file, and as the table of the documentation. */
export function record(machine: Machine, rows: Row[]): void {
  const file = new URL(`../results/${machine.date}-${machine.commit.replace('+', '-changed')}.json`, import.meta.url)
  const kept = rows.map((row) => ({ ...row, met: isMet(row) }))
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ machine, rows: kept }, null, 2)}\n`)
  const text = readFileSync(page, 'utf8')
  const [before, rest] = text.split(opening)
  const after = rest?.split(closing)[1]
  if (before === undefined || after === undefined) throw new Error('docs/benchmarks.md has no place for results.')
  writeFileSync(page, `${before}${opening}\n${machineLine(machine)}\n\n${tableOf(rows)}\n${closing}${after}`)
}
