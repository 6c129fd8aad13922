import { Component } from "@angular/core";
import { RouterLink } from "@angular/router";
import { fromServer } from "../from-server";

@Component({ imports: [RouterLink], template: `<h1>Home</h1><p id="link">{{ bucket }}</p><a routerLink="/blog/dynamic">dynamic</a>` })
export default class Home {
  bucket = fromServer("bucket", () => JSON.parse(process.env["SST_RESOURCE_Uploads"] ?? "{}").name ?? "none");
}
