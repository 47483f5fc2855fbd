export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden>
      <rect width="32" height="32" rx="8" fill="#1f5a45" />
      <g fill="none" stroke="#f6f4ec" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
        <path d="M11.2 15.2C9.4 11.6 9.2 7.4 10.6 6.6c1.5-.9 3.7 2.6 4.3 7.2" />
        <path d="M20.8 15.2c1.8-3.600 2-7.800.6-8.600-1.500-.9-3.700 2.600-4.300 7.200" />
        <path d="M8.500 25.500v-3.700a7.500 7.500 0 0 1 15 0v3.700" />
      </g>
      <circle cx="16" cy="22.400" r="1.500" fill="#f6f4ec" />
    </svg>
  );
}
