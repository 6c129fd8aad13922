import { isPlatformServer } from "@angular/common";
import { type ApplicationConfig, Component, inject, makeStateKey, PLATFORM_ID, TransferState } from "@angular/core";
import { provideClientHydration } from "@angular/platform-browser";
import { ActivatedRoute, provideRouter, RouterLink, RouterOutlet } from "@angular/router";

/** A value of the server, which the browser takes over. */
function fromServer(name: string, read: () => string): string {
  const key = makeStateKey<string>(name), state = inject(TransferState);
  const value = state.get(key, "") || (isPlatformServer(inject(PLATFORM_ID)) ? read() : "");
  state.set(key, value);
  return value;
}

@Component({ selector: "app-root", imports: [RouterOutlet], template: "<router-outlet />" })
export class App {}

@Component({ imports: [RouterLink], template: `<h1>Home</h1><p id="link">{{ bucket }}</p><a routerLink="/blog/dynamic">dynamic</a>` })
export class Home {
  bucket = fromServer("bucket", () => JSON.parse(process.env["SST_RESOURCE_Uploads"] ?? "{}").name ?? "none");
}

@Component({ template: `<h1>Post {{ slug }}</h1><p id="made">{{ made }}</p>` })
export class Post {
  slug = inject(ActivatedRoute).snapshot.paramMap.get("slug") ?? "static";
  made = fromServer(`made-${this.slug}`, () => new Date().toISOString());
}

@Component({ template: "<h1>Not here</h1>" })
export class Missing {}

export const config: ApplicationConfig = {
  providers: [
    provideRouter([
      { path: "", component: Home },
      { path: "blog/static", component: Post },
      { path: "blog/:slug", component: Post },
      { path: "**", component: Missing },
    ]),
    provideClientHydration(),
  ],
};
