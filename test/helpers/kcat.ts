import { spawn } from 'node:child_process';

/** Produces `key:value` lines as any foreign producer would. */
export async function kcatProduce(
  brokers: string,
  topic: string,
  lines: readonly (readonly [key: string, value: string])[],
  options: readonly string[] = ['-X', 'partitioner=murmur2_random'],
): Promise<void> {
  const child = spawn('kcat', ['-P', '-b', brokers, '-t', topic, '-K', '\t', ...options], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdin.end(lines.map(([key, value]) => `${key}\t${value}\n`).join(''));
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`kcat ended with ${code}: ${stderr}`);
}
