export { type FileStorageOptions, fileStorage } from './store.ts'
