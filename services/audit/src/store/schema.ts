import type { Kind } from '../domain/record.ts';

export interface AuditSchema {
  audit_event: {
    occurred_at: Date;
    event_id: string;
    kind: Kind;
    service: string;
    action: string;
    resource_id: string;
    user_id: string | null;
    caller: string;
    method: string;
    status: string;
    reason: string;
    count: bigint;
    correlation_id: string;
    trace_id: string;
    attempts: number;
    content: string;
    recorded_at: Date;
  };
  audit_cursor: { stream: string; position: bigint };
  audit_turn: { one: boolean; owner: string | null; until: Date };
}
