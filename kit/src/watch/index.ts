export { resumeTokenOf, versionOf } from './resume-token.ts';
export { changeWakeups, type WakeupOptions } from './wakeups.ts';
export { type Change, type Wakeups, watchChanges } from './watch-changes.ts';
