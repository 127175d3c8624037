import { figure, type Report } from './figure.ts';
import { benchGnocchi } from './publishers-gnocchi.ts';
import { benchHttp } from './publishers-http.ts';
import { benchNotifier } from './publishers-notifier.ts';
import { benchStatsd } from './statsd.ts';

/** Samples out of the program by `http://`, `gnocchi://` and `notifier://`, and measurements into it by statsd. */
export async function benchPublishers(report: Report): Promise<void> {
  const http = await benchHttp();
  report(figure('publishers.http.rate', http.rate, 'samples/s', '>=10000'));
  report(figure('publishers.http.cpu', http.cpuMicrosPerSample, 'us', ''));
  const gnocchi = await benchGnocchi();
  report(figure('publishers.gnocchi.rate', gnocchi.rate, 'samples/s', '>=10000'));
  report(figure('publishers.gnocchi.cpu', gnocchi.cpuMicrosPerSample, 'us', ''));
  await benchNotifier(report);
  await benchStatsd(report);
}
