// A process for the supervisor's tests: what it does is its first argument's worth of environment.
const { LIFE: life } = process.env;
const busy = setInterval(() => {}, 1000);

if (life === 'wrong') {
  process.stderr.write('weft: setting GRPC_PORT must be a whole number\n');
  process.exit(1);
}
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => {
  if (life === 'deaf') return;
  clearInterval(busy);
  process.exit(0);
});
process.send?.('ready');
if (life === 'short') setTimeout(() => process.exit(3), 10);
