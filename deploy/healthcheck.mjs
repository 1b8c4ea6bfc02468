/**
 * Ends with 0 when the node of this container answers OK on /health, else with 1. It sees the node's
 * variables, not its flags: a port for a container is set as API_PORT, not as --api-port.
 */
import { get } from 'node:http';

const { API_PORT, BIND_ADDRESS } = process.env;
const everywhere = ['', '0.0.0.0', '::'];
const host = everywhere.includes(BIND_ADDRESS ?? '') ? '127.0.0.1' : BIND_ADDRESS;

get({ host, port: API_PORT || 8082, path: '/health', timeout: 3_000 })
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
