import { provideFileRouter } from "@analogjs/router";
import { type ApplicationConfig, Component } from "@angular/core";
import { provideClientHydration } from "@angular/platform-browser";
import { RouterOutlet } from "@angular/router";

@Component({ selector: "app-root", imports: [RouterOutlet], template: "<router-outlet />" })
export class App {}

export const config: ApplicationConfig = { providers: [provideFileRouter(), provideClientHydration()] };
