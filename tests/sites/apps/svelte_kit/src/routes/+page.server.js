export function load() {
  const { name } = JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}");
  return { bucket: name ?? "none", secret: (process.env.SST_RESOURCE_Token ?? "").length };
}
