// In each Node process of a container: ports of the container are ports of 127.0.0.1 of its own, as `SST_PORTS` maps them,
// `80=43121,8080=43122`. So several replicas can run at once, reachable from this machine alone.
import net from "node:net";

const ports = new Map((process.env.SST_PORTS ?? "").split(",").filter(Boolean).map((pair) => pair.split("=").map(Number)));
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (first, ...rest) {
  const given = typeof first === "object" && first !== null ? first : { port: first };
  const port = ports.get(Number(given.port));
  if (port === undefined) return listen.call(this, first, ...rest);
  return listen.call(this, { ...given, port, host: "127.0.0.1" }, ...rest.filter((one) => typeof one === "function"));
};
