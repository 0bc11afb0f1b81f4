/** Set for every azd that a deployment runs: the hooks of azd leave the package and the smoke test to the deployment. */
export const DEPLOYMENT_VARIABLE = 'MREG_DEPLOYMENT';
