import { defineService } from '@weft/kit/module';
import { settings } from './config.ts';
import { recorder } from './events/recorder.ts';
import { auditStore } from './store/audit-store.ts';
import { migrations } from './store/migrations.ts';
import type { AuditSchema } from './store/schema.ts';
import { auditHandlers } from './transport/handlers.ts';

/** Keeps what was done in the system, by whom and when. */
export const audit = defineService<typeof settings, AuditSchema>({
  name: 'audit',
  needs: [],
  settings,
  migrations,
  create({ config, database, bus, logger, now, newId, meter }) {
    const age = meter.createGauge('weft.audit.age', {
      unit: 's',
      description: 'How old the newest recorded event was when it was recorded',
    });
    const store = auditStore(database);
    const recording = recorder({
      store,
      bus,
      logger,
      now,
      owner: newId(),
      retentionDays: config.retentionDays,
      onAge: (ms) => age.record(Math.max(0, ms) / 1000),
    });
    return { grpc: [auditHandlers(store)], workers: [recording] };
  },
});
