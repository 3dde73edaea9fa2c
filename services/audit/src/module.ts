import { defineService } from '@weft/kit/module';
import { settings } from './config.ts';
import { Progress } from './events/progress.ts';
import { recorder } from './events/recorder.ts';
import { unknownTypes } from './events/unknown-types.ts';
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
    const progress = new Progress(now().getTime());
    const age = meter.createObservableGauge('weft.audit.age', {
      unit: 's',
      description: 'Age of the oldest event that may not be recorded yet; NaN while another process records',
    });
    age.addCallback((result) => {
      const ms = progress.age(now().getTime());
      result.observe(ms === undefined ? Number.NaN : ms / 1000);
    });
    const strangers = meter.createCounter('weft.audit.unknown_events', {
      description: 'Events of types that no service has registered',
    });
    // A rate is of what was there before.
    strangers.add(0);
    const store = auditStore(database);
    const recording = recorder({
      store,
      bus,
      logger,
      now,
      owner: newId(),
      retentionDays: config.retentionDays,
      progress,
      unknown: unknownTypes({ bus, logger, count: (events) => strangers.add(events) }),
    });
    return { grpc: [auditHandlers(store)], workers: [recording] };
  },
});
