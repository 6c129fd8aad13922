export const name = "From a module";
