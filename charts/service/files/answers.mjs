// Asks whether HTTP is answered at HOST:PORT at all: nothing is at this path, and nobody is refused.
const { status } = await fetch(`http://${process.argv[1]}/`, { signal: AbortSignal.timeout(10_000) });
if (status !== 404) throw new Error(`${process.argv[1]} answers ${status}`);
console.log(`${process.argv[1]} answers`);
