// What somebody writes who has the OpenAPI document alone; its types come from there.
import createClient from 'openapi-fetch';
import type { paths, components } from './schema.js';

type RestrictedUser = components['schemas']['RestrictedUser'];

export function client(url: string, token: string) {
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
}

type Client = ReturnType<typeof client>;

export async function restrict(api: Client, address: string): Promise<RestrictedUser> {
  const { data, error } = await api.POST('/api/v1/restricted-users', { body: { address, reason: 'Sends spam' } });
  if (!data) throw new Error(error?.detail);
  return data;
}

/** Everybody who may not send, page by page. */
export async function list(api: Client, limit: number): Promise<string[]> {
  const addresses: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, error } = await api.GET('/api/v1/restricted-users', { params: { query: { sort: 'address', limit, cursor } } });
    if (!data) throw new Error(error?.detail);
    addresses.push(...data.items.map((user) => user.address));
    cursor = data.next_cursor ?? undefined;
  } while (cursor);
  return addresses;
}

/** When mail of this user flows again. */
export async function unblock(api: Client, address: string): Promise<string> {
  const { data, error } = await api.POST('/api/v1/restricted-users/{key}/unblock', {
    params: { path: { key: address } },
    body: { comment: 'Cleaned up' },
  });
  if (!data) throw new Error(error?.type);
  return data.unblock!.takes_effect_at;
}

// The types would be worth nothing if these compiled.
export async function mistakes(api: Client) {
  // @ts-expect-error: the reason is missing
  await api.POST('/api/v1/restricted-users', { body: { address: 'alice@example.org' } });
  // @ts-expect-error: there is no such parameter
  await api.GET('/api/v1/restricted-users', { params: { query: { colour: 'red' } } });
  // @ts-expect-error: there is no such state
  await api.GET('/api/v1/restricted-users', { params: { query: { state: 'gone' } } });
  // @ts-expect-error: there is no such route
  await api.GET('/api/v1/restricted');
  const { data } = await api.GET('/api/v1/restricted-users/{key}', { params: { path: { key: 'alice@example.org' } } });
  // @ts-expect-error: there is no such field
  return data?.adress;
}
