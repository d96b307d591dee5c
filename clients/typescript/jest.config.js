export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      'babel-jest',
      { presets: [['@babel/preset-typescript', { onlyRemoveTypeImports: true, allowDeclareFields: true }]] },
    ],
  },
  // The sources import each other as the published files do, by whole names.
  moduleFileExtensions: ['ts', 'js', 'json', 'node'],
  collectCoverageFrom: ['src/**/*.ts'],
  coverageThreshold: { global: { lines: 90, branches: 90, functions: 90, statements: 90 } },
  coverageReporters: ['text-summary', 'json-summary'],
  maxWorkers: 2,
  testTimeout: 60_000,
}
