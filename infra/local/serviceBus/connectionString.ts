/** What an Azure SDK needs to reach the local broker. The key is not checked, and the SDKs want one. */
export function connectionStringFor(port: number, host = '127.0.0.1'): string {
  const endpoint = host.includes(':') ? `[${host}]` : host;
  return `Endpoint=sb://${endpoint}:${port};SharedAccessKeyName=local;SharedAccessKey=local;UseDevelopmentEmulator=true`;
}
