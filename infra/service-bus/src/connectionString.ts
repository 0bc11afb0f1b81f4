/** What an Azure SDK needs to reach the local broker. The key is not checked, and the SDKs want one. */
export function connectionStringFor(port: number, host = '127.0.0.1'): string {
  const endpoint = host.includes(':') ? `[${host}]` : host;
  const key = 'SharedAccessKeyName=local;SharedAccessKey=local';
  return `Endpoint=sb://${endpoint}:${port};${key};UseDevelopmentEmulator=true`;
}
