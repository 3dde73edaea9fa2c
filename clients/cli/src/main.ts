#!/usr/bin/env node
import { createProgram } from './program.ts';

process.stdout.on('error', () => process.exit(1));
await createProgram().parseAsync();
