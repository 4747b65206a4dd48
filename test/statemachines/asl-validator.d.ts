/** The package ships no types of its own for what it exports. */
declare module "asl-validator" {
  function validate(definition: unknown): { readonly isValid: boolean; errorsText(): string };
  export = validate;
}
