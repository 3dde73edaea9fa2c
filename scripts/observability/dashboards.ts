import { eventsPage } from './pages/events.ts';
import { gatewayPage } from './pages/gateway.ts';
import { meshPage } from './pages/mesh.ts';
import { overviewPage } from './pages/overview.ts';
import { sagasPage } from './pages/sagas.ts';
import { servicePage } from './pages/service.ts';
import type { Slo } from './rules.ts';

/** By their name; each is a file for Grafana's provisioning. */
export function dashboards(slos: readonly Slo[]): Record<string, object> {
  return {
    overview: overviewPage(slos),
    service: servicePage(),
    gateway: gatewayPage(),
    sagas: sagasPage(),
    events: eventsPage(),
    mesh: meshPage(),
  };
}
