/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_TESTS_CONFIG_SAMPLE_H
#define XENVM_TESTS_CONFIG_SAMPLE_H

/* The least that a configuration needs, and one with everything. */

#define K "kernel = /k\n"

static const char sample[] = "\xef\xbb\xbf# A guest with everything.\r\n"
                             "uuid = 3f2a9c04-5b1e-4f6d-8a77-0c1d2e3f4a5b\r\n"
                             "name\t=  web-1   # its name\n"
                             "hvm = false\n"
                             "\n"
                             "   kernel = /boot/vmlinuz-6.1.0-44-amd64\n"
                             "initrd = \"/srv/a #1/initrd.img\"\n"
                             "cmdline = \"root=/dev/xvda1 ro console=hvc0 a=\\\"b # c\\\" \\\\ \"\n"
                             "memory = 512\n"
                             "memory-max=1024\n"
                             "vcpus = 2\n"
                             "startup = restore-del /var/lib/xenvm/a b.img\n"
                             "on_halt = preserve\non_restart = destroy\non_crash = reboot\n"
                             "debug = Yes\noutput = /var/log/xenvm/web-1 # trace\nno_mem_check = y";

#endif
