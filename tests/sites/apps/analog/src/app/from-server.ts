import { isPlatformServer } from "@angular/common";
import { inject, makeStateKey, PLATFORM_ID, TransferState } from "@angular/core";

/** A value of the server, which the browser takes over. */
export function fromServer(name: string, read: () => string): string {
  const key = makeStateKey<string>(name), state = inject(TransferState);
  const value = state.get(key, "") || (isPlatformServer(inject(PLATFORM_ID)) ? read() : "");
  state.set(key, value);
  return value;
}
