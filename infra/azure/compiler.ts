import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../local/findProgram.ts';

/** The version of the Bicep compiler that writes the committed snapshots. Another version may predict something else. */
export const bicepVersion = '0.49.2';

export const azureFolder = import.meta.dirname;

/** Where the project that downloads the compiler stands. Git ignores it. */
const downloadFolder = join(azureFolder, '../../.local/bicep');

/**
 * Returns the path of the Bicep compiler: `BICEP`, or `bicep` on the PATH, or the package of NuGet, which `dotnet` downloads.
 * Returns undefined where none of these has version `bicepVersion`.
 */
export function findBicep(): string | undefined {
  const given = process.env['BICEP'] ?? findProgram('bicep');
  return given !== undefined && hasVersion(given) ? given : downloadBicep();
}

function hasVersion(program: string): boolean {
  try {
    return runProgram(program, ['--version']).includes(` ${bicepVersion} `);
  } catch {
    return false;
  }
}

const platforms: Readonly<Record<string, string>> = { darwin: 'osx', linux: 'linux', win32: 'win' };

function downloadBicep(): string | undefined {
  const dotnet = findProgram('dotnet');
  const platform = platforms[process.platform];
  if (dotnet === undefined || platform === undefined) return undefined;
  const name = `Azure.Bicep.CommandLine.${platform}-${process.arch}`;
  const packages = process.env['NUGET_PACKAGES'] ?? join(homedir(), '.nuget/packages');
  const program = join(
    packages,
    name.toLowerCase(),
    bicepVersion,
    'tools',
    platform === 'win' ? 'bicep.exe' : 'bicep',
  );
  if (!existsSync(program)) restore(dotnet, name);
  return existsSync(program) ? program : undefined;
}

function restore(dotnet: string, name: string): void {
  mkdirSync(downloadFolder, { recursive: true });
  const project = join(downloadFolder, 'bicep.csproj');
  writeFileSync(
    project,
    `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="${name}" Version="[${bicepVersion}]" />
  </ItemGroup>
</Project>
`,
  );
  try {
    runProgram(dotnet, ['restore', project]);
  } catch (error) {
    console.error(`dotnet could not download ${name} ${bicepVersion}:`, error);
  }
}

const runProgram = (program: string, args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
