export const handler = async (event) => ({
  statusCode: 200,
  cookies: ["c=3"],
  body: Buffer.from(JSON.stringify({ plain: process.env.SST_KEY_FILE ? "file" : process.env.SST_RESOURCE_Plain })).toString("base64"),
  isBase64Encoded: true,
});
