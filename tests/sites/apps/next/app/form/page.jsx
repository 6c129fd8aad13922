import { cookies } from "next/headers";

export default async function Form() {
  const name = (await cookies()).get("name")?.value;
  const { value } = JSON.parse(process.env.SST_RESOURCE_Token ?? "{}");

  async function greet(form) {
    "use server";
    (await cookies()).set("name", form.get("name"));
    (await cookies()).set("token", `${value?.length}`);
  }

  return <form action={greet}><input name="name" /><button>Send</button>
    {name && <p id="cookie">Hello {name}</p>}</form>;
}
