import { Component, inject } from "@angular/core";
import { ActivatedRoute } from "@angular/router";

@Component({ template: `<h1>Post {{ slug }}</h1>` })
export default class Post {
  slug = inject(ActivatedRoute).snapshot.paramMap.get("slug");
}
